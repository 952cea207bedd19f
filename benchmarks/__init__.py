"""How fast the shop is, beside what the machine, the server and the driver could do at best in the same minute."""
