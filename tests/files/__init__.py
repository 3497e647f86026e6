"""The program and files: what it takes, what it replaces, and what it leaves behind."""
