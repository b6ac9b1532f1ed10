"""Who did and who saw what: written by all, read by postmasters."""
