"""What has to be done without being asked for: removing what is old, alarms, backups."""
