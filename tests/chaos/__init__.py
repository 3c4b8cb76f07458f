"""`make chaos`: whole bookings by many customers while everything around them breaks, and a report at the end."""
