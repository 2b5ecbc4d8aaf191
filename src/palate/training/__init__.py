"""Learning by gradients: what is drawn, what is lost, when to stop, and how to go on after a break."""
