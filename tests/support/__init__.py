"""What suites share: databases, ports, server processes, and what may be left out."""
