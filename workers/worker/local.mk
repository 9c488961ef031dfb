# workers/worker
