"""The decisions: pure, standard library only, no clock and no I/O. Time is always an argument."""
