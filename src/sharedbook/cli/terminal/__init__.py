"""What commands have in common: how they ask, print, count, fail and run as a job."""
