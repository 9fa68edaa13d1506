"""One person on several channels: linking a further one, and two people who turn out to be one."""
