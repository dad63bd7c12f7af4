{{/* What Kubernetes would take and Segue would not, each with a sentence that says what to do. */}}
{{- define "segue.checks" -}}
{{- include "segue.checks.image" . -}}
{{- include "segue.checks.servers" . -}}
{{- include "segue.checks.secrets" . -}}
{{- include "segue.checks.ingress" . -}}
{{- include "segue.checks.jobs" . -}}
{{- end }}

{{- define "segue.checks.image" -}}
{{- with .Values.image -}}
{{- if not .repository }}{{ fail "image.repository is empty: say where the image lies." }}{{ end -}}
{{- if not .digest -}}
{{- if not .allowTag }}{{ fail "image.digest is empty: name the image by its digest (sha256:…), or set image.allowTag to try one by its tag." }}{{ end -}}
{{- if not .tag }}{{ fail "image.tag is empty: image.allowTag is set, so name a tag, or give image.digest." }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "segue.checks.servers" -}}
{{- $several := gt (int .Values.replicas) 1 -}}
{{- $server := .Values.config.server -}}
{{- if and $several (not .Values.secrets.database.name) }}{{ fail (printf "replicas is %d, but SQLite serves one server only: name the Secret of a Postgres in secrets.database.name, or set replicas to 1." (int .Values.replicas)) }}{{ end -}}
{{- if and $several (not .Values.secrets.signing.name) }}{{ fail (printf "replicas is %d, and each would sign with a secret of its own: name one for all in secrets.signing.name." (int .Values.replicas)) }}{{ end -}}
{{- if and $several .Values.persistence.enabled }}{{ fail (printf "replicas is %d, but the data folder is each server's own: set persistence.enabled to false, or replicas to 1." (int .Values.replicas)) }}{{ end -}}
{{- if and $several (ge (int .Values.disruptionBudget.minAvailable) (int .Values.replicas)) }}{{ fail (printf "disruptionBudget.minAvailable is %d of %d replicas, so no node could ever be emptied: make it smaller." (int .Values.disruptionBudget.minAvailable) (int .Values.replicas)) }}{{ end -}}
{{- $least := addf $server.drain_s .Values.preStopSeconds -}}
{{- if le (float64 .Values.terminationGracePeriodSeconds) $least }}{{ fail (printf "terminationGracePeriodSeconds is %v, so replies would be cut: make it larger than %v, which is preStopSeconds (%v) and config.server.drain_s (%v) together." .Values.terminationGracePeriodSeconds $least .Values.preStopSeconds $server.drain_s) }}{{ end -}}
{{- end }}

{{- define "segue.checks.secrets" -}}
{{- $config := .Values.config -}}
{{- $said := "a ConfigMap is no place for a secret: put it into a Secret and name that in" -}}
{{- if hasKey $config "data" }}{{ fail "config.data is the chart's own: the data folder lies on the volume of persistence." }}{{ end -}}
{{- if hasKey $config "database" }}{{ fail (printf "config.database: %s secrets.database." $said) }}{{ end -}}
{{- if hasKey $config "secret" }}{{ fail (printf "config.secret: %s secrets.signing." $said) }}{{ end -}}
{{- if hasKey ($config.redis | default dict) "address" }}{{ fail (printf "config.redis.address: %s secrets.variables, as SEGUE_REDIS__ADDRESS." $said) }}{{ end -}}
{{- if hasKey (($config.storage | default dict).s3 | default dict) "secret_key" }}{{ fail (printf "config.storage.s3.secret_key: %s secrets.variables, as SEGUE_STORAGE__S3__SECRET_KEY." $said) }}{{ end -}}
{{- range $name, $provider := ($config.providers | default dict).named -}}
{{- if hasKey ($provider | default dict) "key" }}{{ fail (printf "config.providers.named.%s.key: %s secrets.variables, under the variable that its key_variable says." $name $said) }}{{ end -}}
{{- end -}}
{{- range $name, $node := ($config.console | default dict).nodes -}}
{{- if hasKey ($node | default dict) "key" }}{{ fail (printf "config.console.nodes.%s.key: %s secrets.variables, under the variable that its key_variable says." $name $said) }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "segue.checks.ingress" -}}
{{- if .Values.ingress.enabled -}}
{{- $host := .Values.ingress.host -}}
{{- if not $host }}{{ fail "ingress.host is empty: say under which name browsers come." }}{{ end -}}
{{- $hosts := (.Values.config.access | default dict).hosts | default list -}}
{{- $public := (.Values.config.delivery | default dict).public_url | default "" -}}
{{- if not (or (has $host $hosts) (has "*" $hosts) (eq (urlParse $public).hostname $host)) }}{{ fail (printf "ingress.host is %s, and Segue would refuse browsers that come under it: set config.delivery.public_url to its address, or add it to config.access.hosts." $host) }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "segue.checks.jobs" -}}
{{- range $name := list "canary" "backup" -}}
{{- $job := index $.Values $name -}}
{{- if and $job.enabled (not $job.key.name) }}{{ fail (printf "%s.key.name is empty: make a key with segue keys create, put it into a Secret, and name that." $name) }}{{ end -}}
{{- end -}}
{{- if and .Values.backup.enabled (gt (int .Values.replicas) 1) }}{{ fail (printf "backup asks one server again and again, but replicas is %d and any of them answers: let whoever keeps the Postgres back it up, and set backup.enabled to false." (int .Values.replicas)) }}{{ end -}}
{{- end }}
