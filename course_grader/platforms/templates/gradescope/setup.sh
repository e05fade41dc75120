#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: it installs Python, torch and the course's packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
course="${COURSE:-/opt/course}"          # where the course is installed; students' code may read it
torch_index="${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}"
# Compiled once here, and not for every submission.
export UV_PYTHON_INSTALL_DIR="$course/python" UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1

if command -v apt-get > /dev/null; then
    apt-get update -qq
    apt-get install --yes -qq --no-install-recommends bubblewrap ca-certificates python3 python3-venv
fi

# uv takes the system's Python if that is new enough, and fetches one if not (Ubuntu 22.04 has 3.10).
python3 -m venv "$course/uv"
"$course/uv/bin/pip" install --quiet --disable-pip-version-check UV_PIN
uv="$course/uv/bin/uv"
"$uv" venv --quiet --python ">=3.11,<3.15" "$course/venv"
export VIRTUAL_ENV="$course/venv"
"$uv" pip install --quiet --index-url "$torch_index" TORCH_PINS
"$uv" pip install --quiet --constraint constraints.txt "./WHEEL[instructors]"

# Students' code runs as another user: it reads the packages, and nothing else of ours.
chmod -R a+rX "$course"
cd /
HOME=/tmp setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$course/venv/bin/python" -P -c "import course_utils, torchvision, course_grader.platforms.gradescope_run"
