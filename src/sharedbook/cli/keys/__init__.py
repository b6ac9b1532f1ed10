"""What each key of a --json object holds, by noun. ``json_keys.KEYS`` has them all."""
