"""Board, clock, configuration, supervised tasks, watchdog, log."""
