"""Nets, their losses and what they are trained with: torch alone, each in a module of its own."""

__all__: list[str] = []  # names live in the modules
