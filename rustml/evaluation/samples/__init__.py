"""Other people's samples, judged without tests: compile, lints and style alone."""
