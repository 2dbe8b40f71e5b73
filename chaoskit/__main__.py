"""`chaoskit` on the command line, and `python -m chaoskit`."""

import sys


def main() -> None:
    """Run the command line; an error is one message and its exit code, never a traceback."""
    if sys.argv[1:] in (["--help"], ["-h"]):
        _help()
        return
    from chaoskit.cli import cli  # noqa: PLC0415  # click is the first thing that costs time
    from chaoskit.errors import ChaoskitError, Exit  # noqa: PLC0415

    try:
        cli.main(prog_name="chaoskit")
    except ChaoskitError as error:
        from chaoskit.cli.messages import show_error  # noqa: PLC0415

        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(Exit.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; saying so would fail too
        sys.exit(Exit.PASS)
    except Exception:  # noqa: BLE001  # the last line of defence: a defect of ours
        from chaoskit.cli.messages import show_defect  # noqa: PLC0415

        show_defect()
        sys.exit(Exit.HARNESS)


def _help() -> None:
    """The page that click would print, kept as text so that it costs nothing but Python's start.

    A test holds it to what click prints; GOLDEN=overwrite renews it.
    """
    page = f"{__file__.rpartition('/')[0]}/cli/help.txt"
    with open(page, encoding="utf-8") as text:  # noqa: PTH123  # pathlib costs as much as the rest
        sys.stdout.write(text.read())


if __name__ == "__main__":
    main()
