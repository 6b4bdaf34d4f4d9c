#!/bin/sh
# Installs Valetkey from a checkout into an empty folder: the image's own steps, kept in a file so
# that a test runs the very same ones and looks at what they leave.
#
#   install.sh CHECKOUT TARGET [PYTHON]
#
# TARGET becomes a virtual environment with the locked dependencies, by hash, and nothing of the
# extra `playground`. Needs uv; the variable UV may say where it is.
set -eu

checkout=$1
target=$2
python=${3:-python3}

UV_PROJECT_ENVIRONMENT=$target "${UV:-uv}" sync --quiet --directory "$checkout" \
    --locked --no-dev --no-editable --no-managed-python --python "$python"

# The doubles have no business where real credentials are.
rm -r "$target"/lib/python*/site-packages/bot/playground
