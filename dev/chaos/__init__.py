"""`make chaos`: whole bookings by many customers while everything around them breaks, and a verdict at the end."""
