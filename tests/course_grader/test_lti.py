"""What tools of institutions read from the gradebook to send grades through LTI."""

from nbgrader.api import Gradebook

from course_grader import grading
from course_grader.course import open_gradebook
from tests.course_grader import small


def test_the_gradebook_holds_what_ananke_sends(server, tmp_path):
    """Its service kore reads `lms_user_id`, `score` and `max_score` of every student from gradebook.db."""
    course = small.make_course(tmp_path)
    with grading.on_this_machine(server, 1) as place:
        grading.grade_class(course, small.NAME, place=place, students=[small.ADA], say=lambda line: None)
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student(small.ADA, lms_user_id="17")
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        (student,) = gradebook.students
        assert (student.lms_user_id, student.score, student.max_score) == ("17", 6.0, 10.0)
