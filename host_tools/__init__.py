"""What technicians and merchants run: the command line `kassa`."""
