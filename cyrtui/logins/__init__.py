"""From log lines to login attempts: grammar, correlation, diagnosis."""
