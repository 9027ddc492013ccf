"""What stops a command and is not about a place in a spec."""


class UserError(Exception):
    """Something cannot be done as asked: the message says why, `help` what to do.

    Commands print both and end with `exit_code`: 2 where the usage or the environment is at fault,
    1 where what was found is.
    """

    exit_code = 2

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help
