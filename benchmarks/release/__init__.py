"""What is measured before a release: nothing here compares the course with other libraries."""
