"""A bundle as a service: the engine, which the command line uses too, and the HTTP application around it."""

from palate.serving.engine import Engine
from palate.serving.settings import ServingSettings

__all__ = ["Engine", "ServingSettings"]
