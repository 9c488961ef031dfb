# workers/logger
