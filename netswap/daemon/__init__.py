"""The composition root: the only place where core and adapters meet."""
