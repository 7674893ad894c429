using k8s.Models;

namespace Kaji.Controllers.Certificates;

/// <summary>How far a CertificateSigningRequest is.</summary>
internal static class RequestState
{
    public static bool Is(this V1CertificateSigningRequest request, string condition) => Condition(request, condition) is not null;

    public static bool IsIssued(this V1CertificateSigningRequest request) => request.Status?.Certificate is { Length: > 0 };

    public static V1CertificateSigningRequestCondition? Condition(this V1CertificateSigningRequest request, string type) => request.Status?.Conditions?.FirstOrDefault(c => c.Type == type);

    /// <summary>Adds a condition to the object.</summary>
    public static void Add(this V1CertificateSigningRequest request, string type, string reason, string message)
    {
        request.Status ??= new V1CertificateSigningRequestStatus();
        request.Status.Conditions = [.. request.Status.Conditions ?? [], new V1CertificateSigningRequestCondition { Type = type, Status = "True", Reason = reason, Message = message }];
    }
}
