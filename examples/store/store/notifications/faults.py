"""Ways in which mail fails while somebody wants to see it."""

from decant.faults import Switch

mail_down = Switch("notifications.mail-down", "The mail server takes nothing: mail waits.")
