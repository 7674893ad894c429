using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;

namespace Kaji.Api.Kinds.Other;

/// <summary>Job: its selector and the template's labels are generated from its uid unless manualSelector is set.</summary>
internal sealed class JobKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields => ["status.successful"];

    public static void DefaultSpec(JsonObject spec)
    {
        spec.Default("parallelism", 1);
        if (spec["completions"] is null && spec.Int("parallelism") == 1)
        {
            spec["completions"] = 1;
        }

        spec.Default("backoffLimit", 6);
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", false);
        spec.Default("manualSelector", false);
        spec.Default("podReplacementPolicy", "TerminatingOrFailed");
        PodSpecRules.Default(spec.Ensure("template").Ensure("spec"));
    }

    public override void Default(JsonObject obj) => DefaultSpec(obj.Ensure("spec"));

    public override void PrepareForCreate(JsonObject obj)
    {
        base.PrepareForCreate(obj);
        var spec = obj.Ensure("spec");
        if (spec.Bool("manualSelector") == true || obj.Obj("metadata").Str("uid") is not { Length: > 0 } uid)
        {
            return;
        }

        var labels = spec.Ensure("template").Ensure("metadata").Ensure("labels");
        foreach (var prefix in (ReadOnlySpan<string>)["batch.kubernetes.io/", ""])
        {
            labels[prefix + "controller-uid"] = uid;
            labels[prefix + "job-name"] = obj.Obj("metadata").Str("name");
        }

        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var template = obj.Obj("spec").Obj("template").Obj("spec") ?? [];
        PodSpecRules.Validate(template, "spec.template.spec", errors);
        if (template.Str("restartPolicy") is not ("OnFailure" or "Never"))
        {
            errors.Required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status")?["succeeded"].Text() is { Length: > 0 } n ? n : "0";
}

/// <summary>CronJob.</summary>
internal sealed class CronJobKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("concurrencyPolicy", "Allow");
        spec.Default("suspend", false);
        spec.Default("successfulJobsHistoryLimit", 3);
        spec.Default("failedJobsHistoryLimit", 1);
        PodSpecRules.Default(spec.Ensure("jobTemplate").Ensure("spec").Ensure("template").Ensure("spec"));
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        if (obj.Obj("spec").Str("schedule").Length == 0)
        {
            errors.Required("spec.schedule");
        }

        PodSpecRules.Validate(obj.Obj("spec").Obj("jobTemplate").Obj("spec").Obj("template").Obj("spec") ?? [], "spec.jobTemplate.spec.template.spec", errors);
    }
}
