"""What other layers share; for users, the checks in ``estimator_checks``."""

__all__: list[str] = []  # names live in the modules
