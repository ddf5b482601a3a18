"""``python -m zerofill``."""

from .cli import main

raise SystemExit(main())
