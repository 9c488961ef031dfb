# workers/librarian
