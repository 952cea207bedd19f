"""What plugs into the ports: one package or module per technology."""
