"""The officers' desk: signing in, the second factor, units and their officers, handing over."""
