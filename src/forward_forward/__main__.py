"""``python -m forward_forward``: the same as the ``ff`` command."""

from forward_forward.cli import main

if __name__ == "__main__":
    main()
