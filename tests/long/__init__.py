"""Long runs: a day of simulated time on the real driver loop."""
