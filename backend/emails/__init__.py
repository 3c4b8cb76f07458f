"""The emails: about bookings (the ticket, another time for it, a refund that is on its way or was refused, a
cancellation) and about accounts.

Each is a template of the folder templates, named after its kind, that gives the subject and, through two layouts, a
text and an HTML part that say the same, in the language of its reader (the folder locales). The ticket also has its QR
code, shown in the HTML and mentioned in the text, and an .ics for the calendar, which later emails replace or cancel.
Times are the theater's, with the name of its zone; in the .ics they are UTC. docs/emails/ shows every kind.
"""

from backend.emails.emails import AccountEmail, Emails

__all__ = ["AccountEmail", "Emails"]
