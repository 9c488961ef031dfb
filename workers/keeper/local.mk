# workers/keeper
