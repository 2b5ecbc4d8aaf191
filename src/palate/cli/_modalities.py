"""Options for the modalities that a command does not name itself: whatever an installed encoder reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
Command = TypeVar("Command", bound=Callable[..., Any])


def modal(told: str, metavar: str, kind: Any) -> Callable[[Command], Command]:
    """Give a command an option for each further modality; it takes them as `**others`, None where one is not given.

    Args:
        told: the help of an option, with {} where the modality goes.
        metavar: what stands for its value in the help.
        kind: the type of its value.
    """

    def with_options(command: Command) -> Command:
        from palate.encoders import modalities

        parameters = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        own = {parameter.name for parameter in parameters}
        for modality in sorted(set(modalities()) - own):
            option = typer.Option(f"--{modality}", metavar=metavar, help=told.format(modality))
            hint = command.__annotations__[modality] = Annotated[kind | None, option]
            parameters.append(inspect.Parameter(modality, _KEYWORD, default=None, annotation=hint))
        command.__annotations__.pop("others")
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return with_options
