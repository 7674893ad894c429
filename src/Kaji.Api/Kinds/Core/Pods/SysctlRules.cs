using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Names of kernel settings that a Pod asks for.</summary>
internal static partial class SysctlRules
{
    private const int MaxLength = 253;

    public static void Validate(JsonObject spec, string path, ICollection<FieldError> errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var sysctl in spec.Obj("securityContext").Items("sysctls"))
        {
            var (name, at) = (sysctl.Str("name"), $"{path}.securityContext.sysctls[{index++}].name");
            if (name.Length == 0)
            {
                errors.Required(at);
            }
            else if (name.Length > MaxLength || !Form().IsMatch(name))
            {
                errors.Invalid(at, name, $"must have at most {MaxLength} characters and match regex {Pattern}");
            }
            else if (!names.Add(name.Replace('/', '.')))
            {
                errors.Duplicate(at, name);
            }
        }
    }

    private const string Pattern = @"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

    [GeneratedRegex(@"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?\z", RegexOptions.NonBacktracking)]
    private static partial Regex Form();
}
