"""Generated datasets whose truth is known, one scenario a file."""
