"""What people read: feedback, the report, exports."""
