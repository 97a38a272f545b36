"""Search a space of designs with Optuna's samplers; every point goes through the store of the `pulvinar` program."""

from .errors import SearchError
from .optimise import search
from .pipe import Answer, Pipe

__all__ = ["Answer", "Pipe", "SearchError", "search"]
