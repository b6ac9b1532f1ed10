"""The mission centre: every bulk action is planned, run, followed, stopped, gone on with and undone here."""
