"""What happened, kept for years: by the minute, and by the outage. Pure but for `store`."""
