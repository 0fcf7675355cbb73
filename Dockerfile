# Production dependencies alone, in a stage of their own: the image holds no compiler, no npm cache, no devDependency.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    STORE_URL=sqlite:/data/bridge.db \
    SNS_CERT_DIR=/data/certs
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY bin bin
COPY src src
RUN ln -s /app/bin/bridge /usr/local/bin/bridge \
    && mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node itself, not npm, which drops SIGTERM.
ENTRYPOINT ["node", "src/main.ts"]
CMD ["start"]
