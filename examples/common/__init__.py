"""What both apps are made of besides their web framework: notes, sessions, and the page."""
