"""What people do at the terminal, one flow a file."""
