"""Programs that read what strangers send with C libraries, each in a process with limits."""
