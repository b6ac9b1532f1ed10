"""What nobody asks for and has to be done: what time takes, alarms, backups."""
