{{/* The name of everything in a release; short enough for what Kubernetes hangs on to the name of a CronJob. */}}
{{- define "segue.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 44 | trimSuffix "-" -}}
{{- end }}

{{/* What pods are found by: a list of the root and the part, since those of the jobs must get no listeners. */}}
{{- define "segue.selector" -}}
app.kubernetes.io/name: segue
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of everything else. */}}
{{- define "segue.labels" -}}
app.kubernetes.io/name: segue
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* The image: by its digest, or by its tag where that is allowed. */}}
{{- define "segue.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end -}}
{{- end }}

{{/* The account that pods run under; nothing for the namespace's own. */}}
{{- define "segue.account" -}}
{{- with .Values.serviceAccount -}}
{{- .name | default (ternary (include "segue.name" $) "" .create) -}}
{{- end -}}
{{- end }}
