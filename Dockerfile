ARG NODE_IMAGE=node:24.21.0-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY src ./src
RUN npm run build && npm run build:page

# Production dependencies only.
FROM ${NODE_IMAGE} AS modules
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

# A coordinator with three small agents, for docker-compose.yml's profile "example".
FROM modules AS example
COPY src ./src
COPY examples ./examples
USER 65532:65532
ENTRYPOINT ["node", "examples/coordinator.ts"]

FROM modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/dist-page ./dist-page
# The sidecar serves them: alerts link to their runbooks.
COPY docs/*.md ./docs/
COPY docs/runbooks ./docs/runbooks
# A new volume inherits the owner of this directory.
RUN mkdir /data && chown 65532:65532 /data
VOLUME /data
USER 65532:65532
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/livez').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
# This address is reachable from outside, so the sidecar needs --auth-token-file to start.
CMD ["serve", "--listen", "0.0.0.0:9464", "--store", "/data/agent_performance.json"]
